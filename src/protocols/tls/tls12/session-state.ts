import { DecodeError } from '../../../wire/errors.ts'
import { ProtocolVersion } from '../../../wire/tls/code-points.ts'
import { TlsReader } from '../../../wire/tls/reader.ts'
import { textBytes } from '../../../wire/tls/text.ts'
import { TlsWriter } from '../../../wire/tls/writer.ts'
import { tls12SuiteByCode } from './cipher-suites.ts'
import type { Tls12Suite } from './cipher-suites.ts'
import { MASTER_SECRET_LENGTH } from './key-schedule.ts'

/**
 * What a server remembers of a session, in a ticket or by an ID. Only sessions with an extended master secret are remembered: the others
 * can be spliced together by a man in the middle (RFC 7627 section 5.3 and 6.2).
 */
export interface SessionState {
  readonly suite: Tls12Suite
  readonly master: Uint8Array
  /** The name that the client asked for; a session is for that name only (RFC 6066 section 3). */
  readonly serverName: string | undefined
  /** The client's certificates. */
  readonly peerChain: readonly Uint8Array[]
}

export function encodeSessionState({ suite, master, serverName, peerChain }: SessionState): Uint8Array {
  const writer = new TlsWriter().uint16(ProtocolVersion.TLS1_2).uint16(suite.code).fixed(master)
  writer.opaque16(textBytes(serverName ?? ''))
  for (const certificate of peerChain) writer.opaque24(certificate)
  return writer.finish()
}

/** Undefined for a ticket of another version. */
export function decodeSessionState(bytes: Uint8Array): SessionState | undefined {
  const reader = new TlsReader(bytes, 0, bytes.length, 'RFC 5077 section 4')
  try {
    if (reader.uint16() !== ProtocolVersion.TLS1_2) return undefined
    const suite = tls12SuiteByCode(reader.uint16())
    if (suite === undefined) return undefined
    const master = reader.fixed(MASTER_SECRET_LENGTH)
    const name = reader.opaque16()
    const peerChain: Uint8Array[] = []
    while (!reader.isEmpty) peerChain.push(reader.opaque24())
    const serverName = name.length === 0 ? undefined : String.fromCharCode(...name)
    return { suite, master, serverName, peerChain }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
