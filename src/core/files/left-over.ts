/** Whether nobody expects an effect of a file: a copy by an editor or a package manager, a hidden one, a README. */
export function isLeftOver(name: string): boolean {
  return /^[.#]|~$|\.(bak|old|orig|save|sw[op]|tmp|dpkg-\w+|rpm(new|save|orig))$|^README(\.|$)/i.test(name);
}
