/** Why a connection was failed, or came to no proper end. */
export interface WebSocketFault {
  /** Whose fault it was: the peer's, or that of the way between. */
  readonly whose: 'remote' | 'network'
  /** The status code with which we have failed the connection (RFC 6455 section 7.4); 1006: there was nobody to tell it to. */
  readonly code: number
  /** In words. */
  readonly detail: string
  /** `'RFC 6455 section 5.1'`. */
  readonly cites: string
}

/** How a connection ended. */
interface WebSocketEnd {
  /** The peer's status code; 1005: its Close had none; 1006: there was no Close (RFC 6455 section 7.1.5). */
  readonly code: number
  /** What the peer said about it; may be empty. */
  readonly reason: string
}

export type WebSocketEvent =
  /** A whole message. Text is valid UTF-8. The bytes are the owner's, or a view of bytes that were handled. */
  | { readonly type: 'message'; readonly opcode: 'text' | 'binary'; readonly bytes: Uint8Array }
  /** A Ping, which is answered by itself. */
  | { readonly type: 'ping'; readonly bytes: Uint8Array }
  /** A Pong, asked for or not. */
  | { readonly type: 'pong'; readonly bytes: Uint8Array }
  /** The peer's Close. It is answered by itself; nothing can be sent any more. */
  | ({ readonly type: 'close' } & WebSocketEnd)
  /** The connection is over: send what is left to poll, and close the stream of bytes. It is the last event. */
  | ({
      readonly type: 'closed'
      /** Whether both ends have said Close (RFC 6455 section 7.1.4). */
      readonly clean: boolean
      /** Undefined when it ended as it should. */
      readonly error: WebSocketFault | undefined
    } & WebSocketEnd)
