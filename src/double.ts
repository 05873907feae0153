/**
 * Zero for a field that holds times, addresses or sizes. V8 lays out a class by the values its fields have held: a
 * field that starts as 0 is a small integer until, some seconds into a trace, a time no longer fits. V8 then converts
 * every object and discards all code compiled for the class. -0 is a double from the start, and equals 0.
 */
export const ZERO: number = -0;
