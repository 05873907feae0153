/**
 * Zero for a field that holds times, addresses or sizes. V8 lays a class out by what its fields have held: one that
 * begins as 0 is a small integer until, some seconds into a trace, a time no longer fits; then every object is laid
 * out anew and all code compiled for the class is thrown away. -0 is a double from the start, and equals 0.
 */
export const ZERO: number = -0;
