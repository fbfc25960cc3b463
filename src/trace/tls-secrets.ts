/** Labels of a key log: draft-ietf-tls-keylogfile section 2. `CLIENT_RANDOM` is the master secret of TLS 1.2. */
export type SecretLabel =
  | 'CLIENT_RANDOM'
  | 'CLIENT_EARLY_TRAFFIC_SECRET'
  | 'CLIENT_HANDSHAKE_TRAFFIC_SECRET'
  | 'SERVER_HANDSHAKE_TRAFFIC_SECRET'
  | 'CLIENT_TRAFFIC_SECRET_0'
  | 'SERVER_TRAFFIC_SECRET_0'

/** So many connections with one ClientHello are told from each other. */
const MOST_ANSWERS = 100

const LINE = /^([A-Z0-9_]+) ([0-9a-fA-F]{64}) ((?:[0-9a-fA-F]{2})+)\s*$/

/** `'0a1b'`, as a key log writes bytes. */
export function hexOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

/** Bytes that are written in hexadecimal. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** Secrets of TLS by the random value of the ClientHello, from a key log that may grow. */
export class TlsSecrets {
  /** More than one where a ClientHello was sent again, to be answered anew: RFC 8446 section 8. */
  private readonly byHandshake = new Map<string, string[]>()
  private taken = 0
  private last: string | undefined

  /** Takes in what is new of a key log, which grows at its end and loses lines at its beginning. Lines of other forms are ignored. */
  update(keyLog: readonly string[]): void {
    let from = this.taken
    if (from > keyLog.length || (from > 0 && keyLog[from - 1] !== this.last)) from = 0
    for (let i = from; i < keyLog.length; i++) {
      const [, label, random, secret] = LINE.exec(keyLog[i]) ?? []
      if (secret !== undefined) this.add(`${label} ${random.toLowerCase()}`, secret.toLowerCase())
    }
    this.taken = keyLog.length
    this.last = keyLog.at(-1)
  }

  /** @param clientRandom in hexadecimal, small letters. @returns what it may be, usually one */
  find(label: SecretLabel, clientRandom: string): Uint8Array[] {
    return (this.byHandshake.get(`${label} ${clientRandom}`) ?? []).map(bytesOf)
  }

  private add(about: string, secret: string): void {
    const known = this.byHandshake.get(about)
    if (known === undefined) this.byHandshake.set(about, [secret])
    else if (!known.includes(secret) && known.length < MOST_ANSWERS) known.push(secret)
  }
}
