/** What a server's signature of its share covers: RFC 8422 section 5.4. @param params ServerECDHParams, as they are sent */
export function signedParams(clientRandom: Uint8Array, serverRandom: Uint8Array, params: Uint8Array): Uint8Array {
  const signed = new Uint8Array(clientRandom.length + serverRandom.length + params.length)
  signed.set(clientRandom)
  signed.set(serverRandom, clientRandom.length)
  signed.set(params, clientRandom.length + serverRandom.length)
  return signed
}
