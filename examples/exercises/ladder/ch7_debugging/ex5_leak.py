"""7.5  Too good to be true

A program reports 98% on its test data. On new data it reads 71%. It prepares the data so:

    mean, std = images.mean(axis=0), images.std(axis=0)        of all images
    images = (images - mean) / std
    train, test = images[:n], images[n:]
    examples are in order: the same writer's pictures stand side by side

Two mistakes. The test data is part of mean and std: nothing of it may be known before the
test. And neighbours, nearly alike, come into both parts only if the data is shuffled by
picture; so split by writer: all pictures of a writer go into one part.

split: writers (n,) has the writer of each picture, test_writers a list of those for the
test. Returns two arrays of numbers of pictures: for training, for the test, each in order.
prepare: returns train and test, both with the mean and std of train alone (axis 0).
"""

import numpy as np


def split(writers, test_writers):
    in_test = np.isin(writers, test_writers)
    return ...  # TODO


def prepare(train, test):
    return ...  # TODO
