"""Errors that leave a nursery come in groups, often one inside the other; this looks inside."""


def first_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Answer the first error of a group, however deep it lies."""
    error = group.exceptions[0]
    return first_error(error) if isinstance(error, BaseExceptionGroup) else error
