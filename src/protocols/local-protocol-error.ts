/** We asked an endpoint for something that the protocol does not allow now. Thrown for misuse only, never for what a peer sent. */
export class LocalProtocolError extends Error {
  override readonly name = 'LocalProtocolError'
}
