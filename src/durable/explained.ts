/** What replicas explain, for those who say it in documents and sentences: types alone, which need no runtime. */
export type {
  Cause,
  Departure,
  ExplainedContender,
  ExplainedPath,
  ExplainedSession,
  ExplainedSessionAnswer,
  LookedBack,
} from "../keeper/past-requests.ts";
