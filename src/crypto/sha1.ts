import { sha1 as nobleSha1 } from '@noble/hashes/legacy.js'

/**
 * The digest of FIPS 180-4 that nothing may be trusted to any more: 20 bytes. WebSocket's handshake proves with it that a server understood,
 * not who it is (RFC 6455 section 1.3).
 */
export function sha1(bytes: Uint8Array): Uint8Array {
  return nobleSha1(bytes)
}
