"""Data-parallel processes on this machine.

Two processes of one thread are far faster than one of two threads as soon as anything else runs.
They may be stopped for hours (SIGSTOP), so nothing here times out.
"""
import os
import signal
import subprocess
import sys
import tempfile
from datetime import timedelta

import torch
import torch.distributed as dist


class Workers:
    def __init__(self, count):
        self.count, self.rank = count, int(os.environ.get("LECTERN_RANK", 0))
        self.stop_wanted = False
        signal.signal(signal.SIGTERM, self._on_stop)
        if count > 1:
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
            dist.init_process_group("gloo", init_method=os.environ["LECTERN_MEETING"],
                                    rank=self.rank, world_size=count, timeout=timedelta(days=60))

    def _on_stop(self, *_):
        self.stop_wanted = True

    @property
    def is_first(self):
        return self.rank == 0

    def average_gradients(self, parameters, counts):
        """Gradients are averaged; counts (one tensor) summed. True when any worker is to stop."""
        if self.count == 1:
            return self.stop_wanted
        stop = torch.tensor([float(self.stop_wanted)])
        parts = [p.grad.reshape(-1) for p in parameters]
        flat = torch.cat([*parts, counts.float().reshape(-1), stop])
        dist.all_reduce(flat)
        for p, sum_ in zip(parameters, flat.split([len(x) for x in parts] + [counts.numel() + 1])):
            p.grad = sum_.div_(self.count).view_as(p)
        counts.copy_(flat[-counts.numel() - 1: -1].view_as(counts))
        return flat[-1].item() > 0


def launch(count):
    """This program `count` times with ranks, unless it is one of them already."""
    if count == 1 or "LECTERN_RANK" in os.environ:
        return
    meeting = "file://" + tempfile.mktemp(prefix="lectern-mini-")
    processes = [
        subprocess.Popen([sys.executable, *sys.argv],
                         env=os.environ | {"LECTERN_RANK": str(rank), "LECTERN_MEETING": meeting})
        for rank in range(count)]

    def pass_on(number, _):
        for process in processes:
            process.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    sys.exit(max(abs(process.wait()) for process in processes))
