/** The theme as it comes, with the system's own fonts, and tables that fit a page. */
import "./tables.css";

export { default } from "vitepress/theme-without-fonts";
