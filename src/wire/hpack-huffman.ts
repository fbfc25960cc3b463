/**
 * The Huffman code of HPACK and QPACK: RFC 7541 section 5.2 and appendix B. The code is canonical: among codes of one length, symbols
 * ascend, and each length begins where the shorter one ends. So the lengths say everything.
 */

/** Bits of each octet's code, and of EOS, in rows of 16. */
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22,
  23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22,
  21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26,
  27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26,
  26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
]
const EOS = 256
const SHORTEST = 5
const LONGEST = 30

/** Each symbol's code, in its low bits. */
function assignCodes(): Uint32Array {
  const codes = new Uint32Array(LENGTHS.length)
  let next = 0
  for (let length = SHORTEST; length <= LONGEST; length++) {
    for (let symbol = 0; symbol <= EOS; symbol++) if (LENGTHS[symbol] === length) codes[symbol] = next++
    next *= 2
  }
  return codes
}

/** In a transition: a symbol ends in these four bits. */
const EMITS = 0x100
/** In a transition: these four bits lead to EOS, which must not be coded. */
const FAILS = 0x200
/** Above these bits of a transition stands the next state. */
const STATE_SHIFT = 10

/**
 * What four bits do in each state, a state being an inner node of the code's tree, 0 its root. As no code is shorter than five bits, at
 * most one symbol ends in four.
 */
interface Machine {
  readonly transitions: Uint32Array
  /** Whether the code may end in a state: at most seven bits, all set, behind the last symbol. */
  readonly accepts: Uint8Array
}

function buildMachine(codes: Uint32Array): Machine {
  // Children of inner nodes: a positive number is an inner node, a negative one the symbol -1 - n.
  const children: [number, number][] = [[0, 0]]
  for (let symbol = 0; symbol <= EOS; symbol++) {
    let node = 0
    for (let bit = LENGTHS[symbol] - 1; bit > 0; bit--) {
      const side = (codes[symbol] >>> bit) & 1
      if (children[node][side] === 0) {
        children[node][side] = children.length
        children.push([0, 0])
      }
      node = children[node][side]
    }
    children[node][codes[symbol] & 1] = -1 - symbol
  }

  const transitions = new Uint32Array(children.length * 16)
  for (let state = 0; state < children.length; state++) {
    for (let bits = 0; bits < 16; bits++) {
      let node = state
      let result = 0
      for (let bit = 3; bit >= 0; bit--) {
        const next = children[node][(bits >>> bit) & 1]
        if (next >= 0) node = next
        else {
          node = 0
          result = next === -1 - EOS ? FAILS : EMITS | (-1 - next)
        }
        if (result === FAILS) break
      }
      transitions[state * 16 + bits] = result | (node << STATE_SHIFT)
    }
  }

  const accepts = new Uint8Array(children.length)
  for (let node = 0, depth = 0; depth <= 7; depth++) {
    accepts[node] = 1
    node = children[node][1]
  }
  return { transitions, accepts }
}

const CODES = /* @__PURE__ */ assignCodes()
/** Built when it is first needed. */
let machine: Machine | undefined

/** How many bytes a text takes in this code. Its code units are octets. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i)]
  return (bits + 7) >>> 3
}

/** Writes a text, whose code units are octets, into `target` from `at` on; there must be `huffmanLength` bytes. Gives where it ends. */
export function huffmanEncode(text: string, target: Uint8Array, at: number): number {
  // Fewer than eight bits wait, and a code has at most 30: what does not fit into 32 goes in two steps.
  let waiting = 0
  let bits = 0
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i)
    let length = LENGTHS[symbol]
    let code = CODES[symbol]
    if (length > 24) {
      const rest = length - 16
      waiting = (waiting << 16) | (code >>> rest)
      bits += 16
      while (bits >= 8) {
        bits -= 8
        target[at++] = waiting >>> bits
      }
      code &= (1 << rest) - 1
      length = rest
    }
    waiting = ((waiting & 0xff) << length) | code
    bits += length
    while (bits >= 8) {
      bits -= 8
      target[at++] = waiting >>> bits
    }
  }
  if (bits > 0) target[at++] = (waiting << (8 - bits)) | (0xff >>> bits)
  return at
}

/**
 * Decodes the code in [start, end) to a text whose code units are octets; undefined when it holds EOS, or does not end with at most
 * seven set bits (RFC 7541 section 5.2).
 */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number): string | undefined {
  machine ??= buildMachine(CODES)
  const { transitions, accepts } = machine
  let text = ''
  let state = 0
  for (let i = start; i < end; i++) {
    const octet = bytes[i]
    const first = transitions[state * 16 + (octet >>> 4)]
    if ((first & EMITS) !== 0) text += String.fromCharCode(first & 0xff)
    const second = transitions[(first >>> STATE_SHIFT) * 16 + (octet & 15)]
    if ((second & EMITS) !== 0) text += String.fromCharCode(second & 0xff)
    if (((first | second) & FAILS) !== 0) return undefined
    state = second >>> STATE_SHIFT
  }
  return accepts[state] === 1 ? text : undefined
}
