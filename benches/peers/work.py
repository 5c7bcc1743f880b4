"""What work.ts does, in Python."""


class Work:
    def noop(self):
        return None

    def observe(self, observation):
        return observation["q"] + observation["step"]

    def look(self, image):
        return int(image[-1])


def make_work():
    return Work()
