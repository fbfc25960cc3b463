import { TlsReader } from '../../../wire/tls/reader.ts'
import { DecodeError } from '../../../wire/errors.ts'
import { textBytes } from '../../../wire/tls/text.ts'
import { TlsWriter } from '../../../wire/tls/writer.ts'
import { ProtocolVersion } from '../../../wire/tls/code-points.ts'
import { tls13SuiteByCode } from './suites.ts'
import type { Tls13Suite } from './suites.ts'

/** What a server of TLS 1.3 puts into a ticket, for itself. */
export interface TicketState {
  readonly suite: Tls13Suite
  /** The pre-shared key. */
  readonly psk: Uint8Array
  readonly ageAdd: number
  readonly alpn: string | undefined
  readonly serverName: string | undefined
  readonly maxEarlyData: number
  /** The client's certificates. */
  readonly peerChain: readonly Uint8Array[]
}

export function encodeTicketState(state: TicketState): Uint8Array {
  const writer = new TlsWriter().uint16(ProtocolVersion.TLS1_3).uint16(state.suite.code).uint32(state.ageAdd)
  writer
    .uint32(state.maxEarlyData)
    .opaque8(state.psk)
    .opaque16(textBytes(state.alpn ?? ''))
    .opaque16(textBytes(state.serverName ?? ''))
  for (const certificate of state.peerChain) writer.opaque24(certificate)
  return writer.finish()
}

/** Undefined for a ticket of another version. */
export function decodeTicketState(bytes: Uint8Array): TicketState | undefined {
  const reader = new TlsReader(bytes, 0, bytes.length, 'RFC 8446 section 4.6.1')
  try {
    if (reader.uint16() !== ProtocolVersion.TLS1_3) return undefined
    const suite = tls13SuiteByCode(reader.uint16())
    if (suite === undefined) return undefined
    const ageAdd = reader.uint32()
    const maxEarlyData = reader.uint32()
    const psk = reader.opaque8()
    const alpn = text(reader.opaque16())
    const serverName = text(reader.opaque16())
    const peerChain: Uint8Array[] = []
    while (!reader.isEmpty) peerChain.push(reader.opaque24())
    return { suite, psk, ageAdd, alpn, serverName, maxEarlyData, peerChain }
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

function text(bytes: Uint8Array): string | undefined {
  return bytes.length === 0 ? undefined : String.fromCharCode(...bytes)
}
