# x \
) | (input