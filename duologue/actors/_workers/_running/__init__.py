"""How the code of bodies is run."""

# _talk: the methods of a body, called and waited for
