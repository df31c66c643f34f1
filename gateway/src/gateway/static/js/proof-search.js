// The search for the counter that solves a challenge, as fast as a phone can: one block of BLAKE2s-256 (RFC 7693)
// for each try, and no object made. The hash of a library took forty times as long, which only honest people pay.

const LOW_DIGITS = 7; // counted up within one block; ten million tries before the digits before them change
const BLOCK_BYTES = 64;
const IV = new Int32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
const TELL_EVERY = 65536; // tries
const PARAMETERS = 0x01010020; // a digest of 32 bytes, no key
// prettier-ignore
const SIGMA = new Uint8Array([
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
  11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4, 7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
  9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13, 2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
  12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11, 13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
  6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5, 10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
]);
const encoder = new TextEncoder();

/** Makes `h` the state after these words, which bring the length to `bytes`; returns its first word, or only that. */
function compress(h, m, bytes, isLast, isFirstWordOnly) {
  let [a, b, c, d] = [h[0], h[1], h[2], h[3]];
  let [e, f, g, i] = [h[4], h[5], h[6], h[7]];
  let [j, k, l, n] = [IV[0], IV[1], IV[2], IV[3]];
  let [o, p, q, r] = [IV[4] ^ bytes, IV[5], isLast ? ~IV[6] : IV[6], IV[7]];
  // prettier-ignore
  for (let s = 0; s < 160; s += 16) {
    a = a + e + m[SIGMA[s]] | 0; o ^= a; o = o << 16 | o >>> 16; j = j + o | 0; e ^= j; e = e << 20 | e >>> 12;
    a = a + e + m[SIGMA[s + 1]] | 0; o ^= a; o = o << 24 | o >>> 8; j = j + o | 0; e ^= j; e = e << 25 | e >>> 7;
    b = b + f + m[SIGMA[s + 2]] | 0; p ^= b; p = p << 16 | p >>> 16; k = k + p | 0; f ^= k; f = f << 20 | f >>> 12;
    b = b + f + m[SIGMA[s + 3]] | 0; p ^= b; p = p << 24 | p >>> 8; k = k + p | 0; f ^= k; f = f << 25 | f >>> 7;
    c = c + g + m[SIGMA[s + 4]] | 0; q ^= c; q = q << 16 | q >>> 16; l = l + q | 0; g ^= l; g = g << 20 | g >>> 12;
    c = c + g + m[SIGMA[s + 5]] | 0; q ^= c; q = q << 24 | q >>> 8; l = l + q | 0; g ^= l; g = g << 25 | g >>> 7;
    d = d + i + m[SIGMA[s + 6]] | 0; r ^= d; r = r << 16 | r >>> 16; n = n + r | 0; i ^= n; i = i << 20 | i >>> 12;
    d = d + i + m[SIGMA[s + 7]] | 0; r ^= d; r = r << 24 | r >>> 8; n = n + r | 0; i ^= n; i = i << 25 | i >>> 7;
    a = a + f + m[SIGMA[s + 8]] | 0; r ^= a; r = r << 16 | r >>> 16; l = l + r | 0; f ^= l; f = f << 20 | f >>> 12;
    a = a + f + m[SIGMA[s + 9]] | 0; r ^= a; r = r << 24 | r >>> 8; l = l + r | 0; f ^= l; f = f << 25 | f >>> 7;
    b = b + g + m[SIGMA[s + 10]] | 0; o ^= b; o = o << 16 | o >>> 16; n = n + o | 0; g ^= n; g = g << 20 | g >>> 12;
    b = b + g + m[SIGMA[s + 11]] | 0; o ^= b; o = o << 24 | o >>> 8; n = n + o | 0; g ^= n; g = g << 25 | g >>> 7;
    c = c + i + m[SIGMA[s + 12]] | 0; p ^= c; p = p << 16 | p >>> 16; j = j + p | 0; i ^= j; i = i << 20 | i >>> 12;
    c = c + i + m[SIGMA[s + 13]] | 0; p ^= c; p = p << 24 | p >>> 8; j = j + p | 0; i ^= j; i = i << 25 | i >>> 7;
    d = d + e + m[SIGMA[s + 14]] | 0; q ^= d; q = q << 16 | q >>> 16; k = k + q | 0; e ^= k; e = e << 20 | e >>> 12;
    d = d + e + m[SIGMA[s + 15]] | 0; q ^= d; q = q << 24 | q >>> 8; k = k + q | 0; e ^= k; e = e << 25 | e >>> 7;
  }
  const first = h[0] ^ a ^ j;
  if (isFirstWordOnly) return first;
  h[0] = first;
  h[1] ^= b ^ k;
  h[2] ^= c ^ l;
  h[3] ^= d ^ n;
  h[4] ^= e ^ o;
  h[5] ^= f ^ p;
  h[6] ^= g ^ q;
  h[7] ^= i ^ r;
  return first;
}

/** How many zero bits a digest begins with (32 at most), of which this is the first word, little-endian. */
function zeroBits(word) {
  return Math.clz32((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24));
}

/** The state after every whole block of this text, and the rest in words with room for the low digits. */
function begin(text) {
  const bytes = encoder.encode(text);
  const state = IV.slice();
  state[0] ^= PARAMETERS;
  const block = new Uint8Array(BLOCK_BYTES);
  const words = new Int32Array(block.buffer); // every machine with a browser is little-endian
  let at = 0;
  for (; at + BLOCK_BYTES < bytes.length + LOW_DIGITS; at += BLOCK_BYTES) {
    block.set(bytes.subarray(at, at + BLOCK_BYTES));
    compress(state, words, at + BLOCK_BYTES, false, false);
  }
  block.fill(0);
  block.set(bytes.subarray(at));
  return { state, block, words, end: bytes.length - at + LOW_DIGITS, length: bytes.length + LOW_DIGITS };
}

/** Counts the seven digits that end at this place up by one; false when they were all nines. */
function countUp(block, end) {
  for (let place = end - 1; place >= end - LOW_DIGITS; place -= 1) {
    if (block[place] < 57) {
      block[place] += 1;
      return true;
    }
    block[place] = 48;
  }
  return false;
}

/**
 * A counter by which BLAKE2s-256 of `start` and the counter begins with so many zero bits, of 32 at most; `tell`
 * hears now and then how many were tried.
 */
export function search(start, bits, tell) {
  let tries = 0;
  // So many digits before the low ones that these do not lie across two blocks.
  let length = 1;
  const taken = encoder.encode(start).length;
  while ((taken + length) % BLOCK_BYTES > BLOCK_BYTES - LOW_DIGITS) length += 1;
  for (let high = 10 ** (length - 1); ; high += 1) {
    const { state, block, words, end, length: bytes } = begin(`${start}${high}`);
    block.fill(48, end - LOW_DIGITS, end);
    let low = 0;
    do {
      if (zeroBits(compress(state, words, bytes, true, true)) >= bits) return high * 10 ** LOW_DIGITS + low;
      low += 1;
      tries += 1;
      if (tries % TELL_EVERY === 0) tell(tries);
    } while (countUp(block, end));
  }
}
