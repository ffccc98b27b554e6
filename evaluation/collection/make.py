#!/usr/bin/env python3
"""Writes the small collection beside this file: synthetic documents of five subjects, and judged queries.

Every document is made of sentences that say which attributes a thing has. A query asks for two of them within a
subject; relevant is what has both. Attributes are common to all subjects, so that words alone do not say which
expert to ask: the kinds of things do. Equal seeds give equal files.
"""

import json
import pathlib
import random

SEED = 5
DOCUMENTS = 48  # of each subject
QUERIES = 12  # of each subject

SUBJECTS = {
    "birds": (["owl", "heron", "falcon", "wren", "stork", "finch"], "feathers wings nest song flight beak eggs".split()),
    "ships": (["barge", "cutter", "schooner", "frigate", "ferry", "tug"], "keel sails harbour anchor rudder cargo crew".split()),
    "breads": (["loaf", "flatbread", "roll", "baguette", "bun", "crispbread"], "dough yeast crust oven flour crumb salt".split()),
    "stones": (["granite", "basalt", "marble", "slate", "quartz", "chalk"], "quarry crystals layers mineral grain vein lava".split()),
    "clocks": (["sundial", "pendulum", "chronometer", "hourglass", "watch", "tower clock"], "hands gears spring hour bell dial weight".split()),
}

ATTRIBUTES = {
    "northern": "It is found in the northern regions",
    "southern": "It is found in the southern regions",
    "heavy": "It is heavy for its size",
    "light": "It is light for its size",
    "dark": "Its colour is dark",
    "pale": "Its colour is pale",
    "ancient": "People have known it since ancient times",
    "recent": "It became known only in recent years",
    "costly": "Collectors find it costly",
    "cheap": "Markets sell it cheap",
    "silent": "Visitors call it silent",
    "noisy": "Visitors call it noisy",
}
EXCLUSIVE = [("northern", "southern"), ("heavy", "light"), ("dark", "pale"), ("ancient", "recent"),
             ("costly", "cheap"), ("silent", "noisy")]


def main():
    chance = random.Random(SEED)
    documents, queries, judged = [], [], []
    for domain, (things, words) in SUBJECTS.items():
        made = []
        for number in range(DOCUMENTS):
            thing = things[number % len(things)]
            has = [chance.choice(pair) for pair in chance.sample(EXCLUSIVE, 4)]
            near = chance.sample(words, 3)
            sentences = [f"This {thing} is described by its {near[0]}, {near[1]} and {near[2]}"]
            sentences += [ATTRIBUTES[attribute] for attribute in has]
            chance.shuffle(sentences)
            name = f"{domain}-{number + 1}"
            made.append((name, thing, set(has)))
            documents.append({"id": name, "domain": domain, "title": f"{thing} number {number + 1}",
                              "text": ". ".join(sentences) + "."})
        number = 0
        while number < QUERIES:
            thing = chance.choice(things)
            (one, two) = (chance.choice(pair) for pair in chance.sample(EXCLUSIVE, 2))
            relevant = [name for name, kind, has in made if kind == thing and {one, two} <= has]
            if not relevant:
                continue
            number += 1
            query = f"{domain}-q{number}"
            queries.append({"id": query, "domain": domain,
                            "text": f"Which {thing} is {one} and {two}, by its {chance.choice(words)}?"})
            judged += [(query, name) for name in relevant]
    here = pathlib.Path(__file__).parent
    write = lambda name, lines: (here / name).write_text("".join(line + "\n" for line in lines))
    write("corpus.jsonl", (json.dumps(document) for document in documents))
    write("queries.jsonl", (json.dumps(query) for query in queries))
    write("qrels.tsv", (f"{query}\t{name}\t1" for query, name in judged))


if __name__ == "__main__":
    main()
