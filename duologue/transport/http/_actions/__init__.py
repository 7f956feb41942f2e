"""The door for long operations: started, watched and stopped by pages and programs."""

# _offers, _parameters: what can be started; _visitors: who may
# _calls: requests and answers, whichever server brings them
# _starting, _finding: how one is started and found; _streams: how it is followed
# _wire: m3's requests; _resources: those of HTTP; _openapi: their document
# _door: all of it, under its paths; _urls: where they are
# _application: for aiohttp; _asgi: for FastAPI and others
