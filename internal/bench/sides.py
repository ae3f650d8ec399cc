"""Two programs that are measured in turns, for vs_llamacpp.py: neither may spin, or do anything else, while the other one
runs. So each is a child that answers requests and is stopped (SIGSTOP) between them. POSIX only."""
import ctypes, json, os, signal, subprocess, sys, time


def die_with_parent():
    """Runs in the child: a stopped process must not be left behind. Linux; elsewhere the signals below have to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def ticks(path, label, *fields):
    """The sum of some fields behind the label in the first line of a file in /proc, in seconds."""
    with open(path) as f:
        values = f.readline().rpartition(label)[2].split()
    return sum(int(values[i]) for i in fields) / os.sysconf("SC_CLK_TCK")


def busy():
    """Processor time that was used, or taken by other virtual machines, since the system started."""
    return ticks("/proc/stat", "cpu", 0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal


class Side:
    """A child that prints a line of JSON about itself, then one for each line that it reads."""

    wall = others = 0.0  # over all children: seconds of requests, and of processor time that others used during them

    def __init__(self, command, env=None):
        self.name = os.path.basename(command[0])
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
                                      env=dict(os.environ, **(env or {})), preexec_fn=die_with_parent)
        self.info = self._reply()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGKILL)
        self.child.wait()

    def ask(self, **request):
        """Lets the child run until it has answered."""
        start, others = time.monotonic(), busy() - self.used()
        self.child.send_signal(signal.SIGCONT)
        self.child.stdin.write(json.dumps(request) + "\n")
        reply = self._reply()
        Side.wall += time.monotonic() - start
        Side.others += max(0.0, busy() - self.used() - others)
        return reply

    def used(self):
        """Processor time that the child has used."""
        return ticks("/proc/%d/stat" % self.child.pid, ")", 11, 12)  # utime, stime

    def memory(self, field):
        """A field of /proc/PID/status in bytes: VmRSS, VmHWM."""
        with open("/proc/%d/status" % self.child.pid) as f:
            for line in f:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) * 1024
        sys.exit("no %s in /proc" % field)

    def _reply(self):
        line = self.child.stdout.readline()
        if not line:
            sys.exit("%s ended with code %s" % (self.name, self.child.wait()))
        self.child.send_signal(signal.SIGSTOP)
        os.waitpid(self.child.pid, os.WUNTRACED)
        return json.loads(line)
