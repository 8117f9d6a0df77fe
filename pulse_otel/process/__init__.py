"""The ends of a process and its children: exit, signals, forks, multiprocessing, Celery."""
