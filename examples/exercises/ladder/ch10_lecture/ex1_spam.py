"""10.1  The lecture's exercise: spam

Design a network that tells spam from other e-mail. Answer in words first, for yourself:
how do you make numbers of an e-mail? What does the output mean? What examples do you need?
Then write the parts that can be checked.

count_words: a text as a bag of words: how often each word of the vocabulary occurs in it,
upper and lower case alike. A word is what stands between spaces. Returns a list.

is_spam: the output neuron's sum z becomes a probability by the sigmoid. Spam is what is
at least as likely as the threshold. Returns True or False.

precision: of the e-mails called spam, the share that is spam: what does a wrong "spam"
cost, compared with a missed one? called, spam: lists of True and False. 1.0 if none was.
"""

from ch1_neuron.ex2_activate import sigmoid  # your own


def count_words(text, vocabulary):
    return ...  # TODO


def is_spam(z, threshold=0.5):
    return ...  # TODO


def precision(called, spam):
    return ...  # TODO
