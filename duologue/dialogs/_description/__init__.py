"""What authors declare: dialogs, windows, getters, the dispatcher."""

# _dialog, _window, _getters, _dispatcher: one class each
# _task_names: what a dispatcher takes as a task; _event_names: what routers call updates
