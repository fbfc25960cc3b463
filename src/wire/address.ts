import { read16, read32, write16, write32 } from './integer.ts'

/** Every station on the link: `ff:ff:ff:ff:ff:ff`. */
export const BROADCAST_MAC = 0xffff_ffff_ffff

/** Every host on this network: `255.255.255.255`. RFC 919. */
export const BROADCAST_IPV4 = 0xffff_ffff

/** The six bytes at `at`, big-endian, as a number in [0, 2^48). */
export function readMac(bytes: Uint8Array, at: number): number {
  return read16(bytes, at) * 0x1_0000_0000 + read32(bytes, at + 2)
}

/** Writes a MAC address, big-endian, into the six bytes at `at`. */
export function writeMac(bytes: Uint8Array, at: number, mac: number): void {
  write16(bytes, at, Math.floor(mac / 0x1_0000_0000))
  write32(bytes, at + 2, mac)
}

/** Dotted decimal: `'10.0.0.1'`. */
export function formatIpv4(address: number): string {
  return `${String(address >>> 24)}.${String((address >>> 16) & 0xff)}.${String((address >>> 8) & 0xff)}.${String(address & 0xff)}`
}

/**
 * Reads dotted decimal: four numbers from 0 to 255, without leading zeros (which some programs take for octal; RFC 6943 section
 * 3.1.1).
 * @returns the address in [0, 2^32), or undefined when the text is no such address
 */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let address = 0
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part)) return undefined
    const byte = Number(part)
    if (byte > 255) return undefined
    address = address * 256 + byte
  }
  return address
}

/** Six lower-case bytes with colons: `'02:00:00:00:00:01'`. */
export function formatMac(mac: number): string {
  return mac
    .toString(16)
    .padStart(12, '0')
    .replace(/(..)(?=.)/g, '$1:')
}

/**
 * Reads six two-digit hexadecimal bytes, all separated by colons or all by hyphens.
 * @returns the address in [0, 2^48), or undefined when the text is no such address
 */
export function parseMac(text: string): number | undefined {
  if (!/^[\da-f]{2}(?:(?::[\da-f]{2}){5}|(?:-[\da-f]{2}){5})$/i.test(text)) return undefined
  return Number.parseInt(text.replaceAll(/[:-]/g, ''), 16)
}
