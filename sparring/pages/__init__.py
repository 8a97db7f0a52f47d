"""PAGES: HTML for browsers and notebooks, from jinja2 templates. Every text is escaped by the template engine.

    render      templates and styles by name

`templates/` holds the templates, `styles/` the CSS that they embed: `base.css` is shared by all pages.
"""
