import type { TlsSession } from '../tls/session.ts'

/** What a client keeps of a connection to resume it later, and to send 0-RTT data in the next one. Secret. */
export interface QuicSession {
  readonly version: number
  readonly tls: TlsSession
  /** The server's transport parameters that hold for 0-RTT data (RFC 9000 section 7.4.1). */
  readonly parameters: RememberedParameters
}

/** RFC 9000 section 7.4.1, RFC 9221 section 3. */
export interface RememberedParameters {
  readonly activeConnectionIdLimit: number
  readonly initialMaxData: number
  readonly initialMaxStreamDataBidiLocal: number
  readonly initialMaxStreamDataBidiRemote: number
  readonly initialMaxStreamDataUni: number
  readonly initialMaxStreamsBidi: number
  readonly initialMaxStreamsUni: number
  /** 0: none is taken. */
  readonly maxDatagramFrameSize: number
}
