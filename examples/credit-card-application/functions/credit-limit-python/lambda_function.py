"""The credit limit: a share of the income that grows with the credit scores.

The limit system is busy at the first two tries, so that the Retry of the state can be seen. Which try it is
comes in with the event: the function keeps nothing between calls, as it must not.
"""

BUSY_TRIES = 2


class LimitSystemBusy(Exception):
    """Worth another try."""


def lambda_handler(event, context):
    if event["retryCount"] < BUSY_TRIES:
        raise LimitSystemBusy(f"try {event['retryCount'] + 1}: the limit system is busy")
    scores = [answer["score"] for answer in event["scores"]]
    average = sum(scores) // len(scores)
    # Nothing at a score of 400, a quarter of the income at 800.
    share = max(0, min(average - 400, 400)) / 1600
    limit = int(event["annualIncome"] * share) // 100 * 100
    print(f"income {event['annualIncome']}, average score {average}: limit {limit}")
    return {"limit": limit, "averageScore": average}
