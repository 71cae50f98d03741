"""10.4  The lecture's exercise: temperature

"The weather today is", and the scores of the next token:

    sunny 2.0    cloudy 1.8    rainy 1.2    snowy 0.8    windy 0.6

Compute the probabilities for T = 0.5, 1 and 2, rounded to two places, by hand or with your
softmax. Which of the three T suits a weather report, which one creative writing? What
becomes of the five probabilities when T comes close to 0, and when it grows without end?
And which T, between 0 and 2, would you give a chatbot for customers?
"""

PROBABILITIES = {
    0.5: ...,  # TODO
    1.0: ...,  # TODO
    2.0: ...,  # TODO
}
WEATHER_REPORT = ...  # TODO
CREATIVE_WRITING = ...  # TODO
NEAR_ZERO = ...  # TODO
WITHOUT_END = ...  # TODO
CHATBOT = ...  # TODO
