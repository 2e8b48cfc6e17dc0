"""How a run fares: what its gradients, its units and its loss's landscape say.

All figures come from traces of the run's own engine, on a bounded sample of the rows to learn from,
a few times a second at most and only while the pane is open. What was missed meanwhile is made good
from the timeline's kept states. The two things that take longer run on a thread of their own, over
copies: the experiment of the sigmoid against ReLU, and the landscape.

    pane.py         the page's part: NiceGUI elements
    doctor.py       `Health`: what the pane shows, and its commands
    watching.py     `Watch`: readings over the run's steps        charts.py    their pictures
    experiment.py   two networks from one start, with the sigmoid and with ReLU
    hills.py        the landscape of the loss with the run's path
"""
