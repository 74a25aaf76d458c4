/** Requests for reconfig, in an order in which each finds the members that those before it left. */

/** One request. `{1}` stands for what the server's own line of 1 says. */
export interface ReconfigCase {
  readonly name: string;
  readonly joining?: string;
  readonly leaving?: string;
  readonly members?: string;
  /** The version it is for: any unless told otherwise. */
  readonly from?: "present" | number;
  /** The super user unless told otherwise. */
  readonly by?: "stranger";
  /** What a real server's answer holds: for the reader, and so that the case shows what its name says. */
  readonly shows: RegExp;
}

const OBSERVER_4 = "server.4=127.0.0.1:7101:7102:observer;7103";
const WRONG = /^error -8$/;
const NO_NUMBER = /^error -5$/;

const PERMISSION: readonly ReconfigCase[] = [
  { name: "a stranger may not", by: "stranger", joining: OBSERVER_4, shows: /^error -102$/ },
  { name: "nonsense is told before who may not", by: "stranger", joining: "x", shows: WRONG },
  { name: "so is another version", by: "stranger", joining: OBSERVER_4, from: 7, shows: /^error -103$/ },
  {
    name: "so is a lack of a quorum",
    by: "stranger",
    members: "server.1={1},server.8=a:1:2;3",
    shows: /-13$/,
  },
];

const INCREMENTAL: readonly ReconfigCase[] = [
  {
    name: "an observer joins",
    joining: OBSERVER_4,
    shows: /server.4=127.0.0.1:7101:7102:observer;0.0.0.0:7103/,
  },
  { name: "for the present version", joining: OBSERVER_4, from: "present", shows: /server.4/ },
  { name: "for another version", joining: OBSERVER_4, from: 0, shows: /^error -103$/ },
  { name: "nothing at all makes a version", shows: /version=\*/ },
  { name: "an empty list too", joining: "", leaving: "", shows: /version=\*/ },
  { name: "commas without anything between", joining: ", ,", leaving: ",", shows: /version=\*/ },
  { name: "spaces", joining: " server.5 = 127.0.0.1:7201:7202:observer;7203 ", shows: /server.5=127/ },
  {
    name: "any word before the dot",
    joining: "foo.bar.5=b:7201:7202:OBSERVER;7203",
    shows: /5=b:7201:7202:observer/,
  },
  { name: "no word at all", joining: "5=c:7201:7202:Observer;7203", shows: /server.5=c:7201/ },
  {
    name: "an IPv6 address",
    joining: "server.5=[::1]:7201:7202:observer;[fe80::a:1]:7203",
    shows: /\[0:0:0:0:0:0:0:1\]/,
  },
  {
    name: "a client's host",
    joining: "server.5=x:7201:7202:observer;localhost:7203",
    shows: /;localhost:7203/,
  },
  {
    name: "an address with zeros",
    joining: "server.5=010.0.0.1:7201:7202:observer;7203",
    shows: /server.5=/,
  },
  { name: "no host", joining: "server.5=:7201:7202:observer;7203", shows: /server.5=localhost:7201/ },
  { name: "a port with a sign", joining: "server.5=a:+7201:7202:observer;7203", shows: /a:7201/ },
  {
    name: "a participant that is not there",
    joining: "server.6=a:7301:7302;7303",
    shows: /6=a:7301:7302:participant/,
  },
  { name: "one leaves who is none", leaving: "99", shows: /version=\*/ },
  { name: "several leave", leaving: "5, 6", shows: /^(?![^]*server.5)/ },
  { name: "one leaves and joins", leaving: "4", joining: OBSERVER_4, shows: /server.4/ },
  {
    name: "two observers",
    joining: "server.9=a:1:2:observer;3,server.10=b:1:2:observer;3",
    shows: /10=[^]*/,
  },
  { name: "and they go", leaving: "9,10", shows: /version/ },
];

const REFUSED: readonly ReconfigCase[] = [
  { name: "no server string", joining: "server.5", shows: WRONG },
  { name: "two equals signs", joining: "server.5=a=b", shows: WRONG },
  { name: "no value", joining: "server.5=", shows: WRONG },
  { name: "one port", joining: "server.5=a:1:observer;3", shows: WRONG },
  { name: "no client's port", joining: "server.5=a:1:2:observer", shows: WRONG },
  { name: "no client's port after the semicolon", joining: "server.5=a:1:2:observer;", shows: WRONG },
  { name: "a client's port that is none", joining: "server.5=a:1:2:observer;x", shows: WRONG },
  { name: "a client's port that is too large", joining: "server.5=a:1:2:observer;70000", shows: NO_NUMBER },
  { name: "a negative port", joining: "server.5=a:-1:2:observer;3", shows: NO_NUMBER },
  { name: "a port that is none", joining: "server.5=a:b:2:observer;3", shows: WRONG },
  { name: "an election port that is none", joining: "server.5=a:1:b:observer;3", shows: WRONG },
  { name: "the same port twice", joining: "server.5=a:1:1:observer;3", shows: WRONG },
  { name: "another role", joining: "server.5=a:1:2:leader;3", shows: WRONG },
  { name: "a part too many", joining: "server.5=a:1:2:observer:x;3", shows: WRONG },
  { name: "two client addresses", joining: "server.5=a:1:2:observer;3;4", shows: WRONG },
  { name: "only a semicolon", joining: "server.5=;", shows: NO_NUMBER },
  { name: "only a client", joining: "server.5=;3", shows: WRONG },
  { name: "IPv6 without brackets", joining: "server.5=::1:1:2:observer;3", shows: WRONG },
  { name: "an open bracket", joining: "server.5=[::1:1:2:observer;3", shows: WRONG },
  { name: "nothing behind a bracket", joining: "server.5=[::1]:;3", shows: WRONG },
  { name: "only brackets", joining: "server.5=[::1];3", shows: WRONG },
  { name: "several addresses", joining: "server.5=a:1:2|b:1:2;3", shows: WRONG },
  { name: "a sid that is none", joining: "server.x=a:1:2:observer;3", shows: NO_NUMBER },
  { name: "no sid", joining: "server.=a:1:2:observer;3", shows: NO_NUMBER },
  { name: "one leaves without a number", leaving: "x", shows: NO_NUMBER },
  { name: "one leaves by its name", leaving: "server.4", shows: NO_NUMBER },
  { name: "all leave", leaving: "1,2,3", shows: WRONG },
  {
    name: "an address of another",
    joining: "server.5=10.9.8.7:1:2:observer;3,server.6=10.9.8.7:2:4:observer;5",
    shows: WRONG,
  },
  { name: "a wildcard is nobody's", joining: "server.5=a:1:2:observer;0.0.0.0:7103", shows: /server.5/ },
  {
    name: "too many that are away",
    joining: "server.21=a:1:2;3,server.22=b:1:2;3,server.23=c:1:2;3",
    shows: /-13$/,
  },
];

const ALL = "server.1={1},server.2={2},server.3={3}";

const FULL: readonly ReconfigCase[] = [
  { name: "all members", members: ALL, shows: /^server.1=\*\nserver.2=\*\nserver.3=\*\nversion=\*\n/ },
  {
    name: "by newlines",
    members: ALL.replaceAll(",", "\n"),
    shows: /^server.1=\*\nserver.2=\*\nserver.3=\*\nversion=\*\n/,
  },
  {
    name: "members come before those who join",
    members: ALL,
    joining: OBSERVER_4,
    shows: /^(?![^]*server.4)/,
  },
  {
    name: "comments, spaces, colons",
    members: `#x\n!y\n \t${ALL},server.4 : a:1:2:observer\r\n\r`,
    shows: /4=a:1:2:observer\n/,
  },
  {
    name: "escapes and broken lines",
    members: `${ALL},ser\\\n  ver.5=b\\u0062:1:\\2:observer`,
    shows: /5=bb:1:2:observer/,
  },
  { name: "a line of a backslash", members: `${ALL},\\\n`, shows: WRONG },
  { name: "a key twice", members: `${ALL},server.4=a:1:2:observer,server.4=b:1:2:observer`, shows: /4=b/ },
  { name: "a version is not heeded", members: `${ALL},version=ff`, shows: /version=\*/ },
  { name: "a version that is none", members: `${ALL},version=xyz`, shows: NO_NUMBER },
  { name: "another key", members: `${ALL},tickTime=5`, shows: WRONG },
  { name: "a bad line", members: `${ALL},server.4=a`, shows: WRONG },
  { name: "a bad sid", members: `${ALL},server.1.2=a:1:2`, shows: NO_NUMBER },
  { name: "nobody", members: "", shows: NO_NUMBER },
  { name: "observers alone", members: "server.4=a:1:2:observer", shows: NO_NUMBER },
  { name: "a quorum that is away", members: "server.1={1},server.31=a:1:2,server.32=b:1:2", shows: /-13$/ },
];

const HIERARCHY: readonly ReconfigCase[] = [
  { name: "a server in no group", members: `${ALL},group.1=1:2`, shows: WRONG },
  { name: "a server in two groups", members: `${ALL},group.1=1:2,group.2=2:3`, shows: WRONG },
  { name: "a group of no numbers", members: `${ALL},group.1=1:2:x`, shows: NO_NUMBER },
  { name: "a weight that is none", members: `${ALL},group.1=1:2:3,weight.1=x`, shows: NO_NUMBER },
  { name: "weights without groups", members: `${ALL},weight.1=1`, shows: WRONG },
  {
    name: "groups and weights",
    members: `${ALL},group.1=3:1,group.2=2,weight.1=2`,
    shows: /group.1=1:3\ngroup.2=2\nweight.1=2\nweight.2=1\nweight.3=1\nversion=\*\n/,
  },
  { name: "no increments with groups", joining: OBSERVER_4, shows: WRONG },
  { name: "back to a majority", members: ALL, shows: /^(?![^]*group)/ },
];

/** See the file's comment. */
export const RECONFIG_CASES: readonly ReconfigCase[] = [
  ...PERMISSION,
  ...INCREMENTAL,
  ...REFUSED,
  ...FULL,
  ...HIERARCHY,
];
