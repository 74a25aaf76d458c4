/** The theme as it comes, with the system's own fonts. */
export { default } from "vitepress/theme-without-fonts";
