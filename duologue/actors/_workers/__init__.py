"""Background workers: a body, the actor around it, and what is known of it."""

# _workers: all of them; _roster: who is known; _worker: the handle of one; _start_policy: what a start says
# _worker_actor, _worker_messages, _worker_job: the actor
# _worker_body, _worker_calls: what authors write, and how it is called
# _operation, _operation_report, _body_reports: what a body reports to, and what comes of it
# _durable: what makes them outlive the process
# _worker_snapshot: values of what is known
# _progress: how far the work is, by what was reported
# _running: how the code of bodies is run
