"""Home: what this is, the current scene, and one live stack of feature maps."""

from cnnviz.ui import whole_scene
from cnnviz.ui.experiments import home, home_lesson
from cnnviz.ui.page import page

with page(
    "See what a convolutional network sees",
    "A convolutional network looks at a scene through small windows of numbers. Here you set those numbers and watch "
    "what comes out, from one pixel to a whole satellite tile. Below: one band, its vertical edges, what ReLU keeps "
    "of them, and the strongest of every 2 × 2 pixels.",
) as view:
    maps = home.run(view)
    covered, asked = home_lesson.predict(view, maps)
    home.show_strip(view, maps, covered=covered, asked=asked)
    whole_scene.show(view, home.network(view), "edges", covered=covered)
    home_lesson.tasks(view, maps)
    home.show_doors()
