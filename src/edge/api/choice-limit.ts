/** Most choices of one request. */
export const MAX_CHOICES = 8;
