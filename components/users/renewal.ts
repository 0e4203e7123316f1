const day = 24 * 3600 * 1000;

/**
 * Number of the period that a certificate is made in: half as long as the certificate is good, so that one of the present
 * or the last period is always good still.
 *
 * @param now milliseconds since 1970
 */
export function renewalPeriod(days: number, now: number): number {
    return Math.floor(now / ((days * day) / 2));
}
