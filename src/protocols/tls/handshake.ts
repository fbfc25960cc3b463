import type { AlertName } from '../../wire/tls/alert.ts'
import type { Nanos } from '../endpoint.ts'
import type { TlsEvent, TlsParameters } from './event.ts'

/**
 * How a connection and the handshake of either version talk. The connection cuts the stream into records and these into messages; the
 * handshake takes whole messages, and says step by step what is to be done.
 */
export interface Handshake {
  /**
   * Takes one whole handshake message, with its header of 4 bytes. The bytes do not change any more.
   * Throws TlsAlertError or DecodeError for the peer's fault.
   */
  handleMessage(message: Uint8Array, now: Nanos): void
  /** Takes a ChangeCipherSpec record's content, a single byte 1. Throws TlsAlertError. */
  handleChangeCipherSpec(now: Nanos): void
  /** What is to be done next, in order; undefined: nothing for now. */
  pollStep(now: Nanos): HandshakeStep | undefined
  /** Whether application data may come now; otherwise it is answered with unexpected_message. */
  readonly mayReceiveData: boolean
  /** Whether application data that comes now is 0-RTT data. */
  readonly isReceivingEarlyData: boolean
  /** What is agreed on so far; undefined until the hellos are through. */
  readonly parameters: TlsParameters | undefined
  /** The connection has ended by a fatal alert, of either side: what was agreed on must not be resumed (RFC 5246 section 7.2.2). */
  abandon?(): void
  /** Changes our sending keys, and asks for the peer's to be changed (TLS 1.3). Absent: the version has no such thing. */
  updateKeys?(requestPeer: boolean): void
  /** Called when something can be sent, and nothing waits: what the peer has asked for is answered now, once. */
  payDebts?(): void
}

export type HandshakeStep =
  /** Send a whole handshake message with its header, under the present protection. Consecutive ones may share records. */
  | { readonly type: 'send'; readonly message: Uint8Array }
  /** Send a ChangeCipherSpec record, unprotected if no protection is set. */
  | { readonly type: 'send-change-cipher-spec' }
  /** What is sent from now on is protected so; undefined: no longer, as early data are refused and the handshake begins anew. */
  | { readonly type: 'write-protection'; readonly seal: RecordSealer | undefined }
  /** What is received from now on is protected so. Not allowed in the middle of a message: the connection refuses that. */
  | { readonly type: 'read-protection'; readonly open: RecordOpener }
  /** Application data may be sent from now on (0-RTT data: `early`, until the next protection is set). */
  | { readonly type: 'may-send'; readonly early: boolean }
  /** From here on, records that cannot be opened are skipped: up to `limit` bytes of 0-RTT data that was refused. 0: no longer. */
  | { readonly type: 'skip-undecryptable'; readonly limit: number }
  /** Send an alert that does not end the connection. */
  | { readonly type: 'warn'; readonly alert: AlertName }
  /** Something to tell above. */
  | { readonly type: 'event'; readonly event: TlsEvent }

/** Protects the records of one direction, in their order. */
export interface RecordSealer {
  /** By how many bytes a protected record is longer than its plaintext, header included. */
  readonly overhead: number
  /** How many more records may be sealed under this key (RFC 8446 section 5.5). */
  readonly remaining: number
  /**
   * Seals a record.
   * @param type content type: 20 to 24
   * @param plaintext at most 16384 bytes
   * @returns the whole record, header included
   */
  seal(type: number, plaintext: Uint8Array): Uint8Array
}

export interface OpenedRecord {
  /** Content type, as it was before protection. */
  readonly type: number
  readonly plaintext: Uint8Array
}

/** Removes the protection from the records of one direction, in their order. */
export interface RecordOpener {
  /**
   * Opens a record.
   * @param record the whole record, header included
   * @returns undefined when it was not sealed under this key; the sequence number stays then.
   *   Throws TlsAlertError for a record that is authentic and yet wrong.
   */
  open(record: Uint8Array): OpenedRecord | undefined
}
