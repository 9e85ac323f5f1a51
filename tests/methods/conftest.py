import pytest

from support.subjects import Subject, closed_form, small_network


@pytest.fixture(scope="module", params=[closed_form, small_network])
def subject(request: pytest.FixtureRequest) -> Subject:
    subject: Subject = request.param()
    return subject
