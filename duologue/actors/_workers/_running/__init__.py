"""How the code of bodies is run."""

# _executors: on the loop, in a thread or in a process; _process: a process, seen from here
# _child: seen from inside; _wire: what goes to and fro
# _runs: the run of one body; _talk: the methods of a body, called and waited for
# _dealings: questions to a body, and its end; _diary: where it is noted what happens
# _limits: how long, how silently and how often
