"""What the kernel tells of a process: whether it runs, computes, or waits for a core."""

from pathlib import Path


def vitals(pid: int) -> tuple[str, int]:
    """State letter and CPU time in clock ticks; read behind the name, which may hold blanks and brackets."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", 0
    return fields[0], int(fields[11]) + int(fields[12])


def waited_for_a_core(pid: int) -> float:
    """Seconds that its main thread was ready to run and did not (proc(5), schedstat); 0 where nobody tells."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0
