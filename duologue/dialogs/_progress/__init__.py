"""Background workers shown in dialogs."""

# _workers: started and stopped by turns
# _progress, _feeds: their progress on the screen
