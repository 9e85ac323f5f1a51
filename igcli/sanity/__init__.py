"""The model-randomization test: do attributions change when the network's weights are random?"""
