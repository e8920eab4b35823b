/** What a store says of a holder, for people. */
import { Holder } from "../LockError.js";
import { wholeMillis } from "./time.js";
import * as Token from "./token.js";
export const toHolder = ({ permits, remainingMillis, token, waiters }) => {
    const said = Token.parse(token);
    return new Holder({
        token,
        owner: said?.owner,
        since: said?.since,
        remaining: remainingMillis === undefined ? undefined : wholeMillis(remainingMillis),
        waiters,
        ...(permits !== undefined && { permits })
    });
};
