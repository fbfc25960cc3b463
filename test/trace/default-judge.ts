import { tsharkFields, withFile } from '../vectors/tshark.ts'

const COLUMNS = [
  ...['frame.number', '_ws.malformed', '_ws.short', '_ws.expert.severity', '_ws.expert.message'],
  ...['tls.record.length', 'tls.record.content_type', 'quic.decryption_failed'],
]
/** Expert items from here on are errors. */
const ERROR = 0x80_0000

const many = (cell: string): string[] => cell.split(',').filter((value) => value !== '')

/** What tshark complains of in a capture, with its preferences as they are at first but for the verification of checksums. */
export function judgeByDefault(capture: Uint8Array): { readonly frames: number; readonly complaints: readonly string[] } {
  const rows = withFile(capture, (path) => tsharkFields(path, COLUMNS, '-2'))
  const complaints = rows.flatMap(([number, malformed, short, severities, messages, records, types, unopened]) => {
    const isError = many(severities).some((severity) => Number(severity) >= ERROR)
    const found = [
      ...(malformed === '' && short === '' ? [] : ['malformed or cut short']),
      ...(isError ? [messages] : []),
      // A record of TLS 1.3 that does not decrypt has no type that could be told.
      ...(many(records).length > many(types).length ? ['undecrypted TLS record'] : []),
      ...(unopened === '' ? [] : ['undecrypted QUIC packet']),
    ]
    return found.map((complaint) => `frame ${number}: ${complaint}`)
  })
  return { frames: rows.length, complaints }
}
