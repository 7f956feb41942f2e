"""How long operations are shown: in JSON, in HTML, and by the element of pages."""

# _forms, _results: an operation and its result as they are sent
# _bar: the progress bar, drawn on the server; _assets: that of the browser
