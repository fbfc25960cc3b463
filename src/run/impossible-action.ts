/** An action that cannot be carried out now; the message is for people. */
export class ImpossibleAction extends Error {
  override readonly name = 'ImpossibleAction'
}
