// Bytes and text: base64url without padding, UTF-8, joining.

const encoder = new TextEncoder();

export const utf8 = (text) => encoder.encode(text);
export const text = (bytes) => new TextDecoder("utf-8", { fatal: true }).decode(bytes);

/** Base64url of bytes, without padding. */
export function encode(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes of base64url text, padded or not. */
export function decode(coded) {
  const plain = coded.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(plain), (character) => character.charCodeAt(0));
}

/** All parts, one after another. */
export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
