"""The microscope: one sample's pass through the network, and a weight's derivation.

pane.py     the page's part: NiceGUI elements
scope.py    `Microscope`: what the pane shows, read from the trace of the run's state
"""
