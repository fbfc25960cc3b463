/** How a letter is packed, from not at all to as TLS does it. */
export const LETTER_METHODS = ['plain', 'shared-key', 'hash', 'rsa-by-hand', 'rsa-2048', 'signature', 'hybrid'] as const
export type LetterMethod = (typeof LETTER_METHODS)[number]

/** What the carrier does with letters besides carrying them. */
export const LETTER_MISCHIEF = ['none', 'change', 'forge'] as const
export type LetterMischief = (typeof LETTER_MISCHIEF)[number]

/** Longest text of a letter, in characters: RSA of 2,048 bits takes 190. */
export const LONGEST_LETTER = 120
