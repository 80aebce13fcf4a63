"""Why an offer was chosen or refused, in the order of the rules, and in words."""

from enum import IntEnum


class Why(IntEnum):
    """The first rule that holds, from what the law asks to what the money allows."""

    CHOSEN = 0
    OUTRANKED = 1
    NOT_VALID = 2
    CONSENT_UNKNOWN = 3
    NO_CONSENT = 4
    OPTED_OUT = 5
    HELD_OUT = 6
    HELD_OUT_OF_OFFER = 7
    NOT_THE_DAY = 8
    NOT_ELIGIBLE = 9
    COMPLAINT_OPEN = 10
    RESTING = 11
    CAP_UNKNOWN = 12
    CAPPED = 13
    QUIET_HOURS = 14
    EFFECT_UNKNOWN = 15
    HARMS = 16
    NOT_WORTH_IT = 17
    OVER_BUDGET = 18
    SPENT = 19
    COUNTERS_DOWN = 20


WORDS = {
    Why.CHOSEN: ("adds the most", "预期净增益最高"),
    Why.OUTRANKED: ("another offer adds more", "另有优惠净增益更高"),
    Why.NOT_VALID: ("not valid at this moment", "当前不在有效期内"),
    Why.CONSENT_UNKNOWN: ("not known whether the customer consented", "无法确认客户是否同意触达"),
    Why.NO_CONSENT: ("no consent for any of its channels", "客户未同意其任何触达渠道"),
    Why.OPTED_OUT: ("the customer asked that nothing be chosen from their data", "客户已拒绝个性化推荐"),
    Why.HELD_OUT: ("the customer is in the holdout", "客户属于对照组"),
    Why.HELD_OUT_OF_OFFER: ("the customer is in this offer's holdout", "客户属于该优惠的对照组"),
    Why.NOT_THE_DAY: ("it is not the customer's day for it", "未到客户的专属日期"),
    Why.NOT_ELIGIBLE: ("not for the customer's tier, stage or type", "客户等级、阶段或类型不符合条件"),
    Why.COMPLAINT_OPEN: ("a complaint is open: first it is solved", "投诉未解决，先解决问题"),
    Why.RESTING: ("the customer answers no contacts and is left alone", "客户近期无响应，暂停触达"),
    Why.CAP_UNKNOWN: ("not known how often the customer was contacted", "无法确认客户近期触达次数"),
    Why.CAPPED: ("contacted as often as the policy allows", "已达触达频次上限"),
    Why.QUIET_HOURS: ("its channels are silent at all hours that are open", "可用渠道均处于免打扰时段"),
    Why.EFFECT_UNKNOWN: ("what it adds is not known from the past", "历史数据无法判断其效果"),
    Why.HARMS: ("the customer is better left alone with it", "触达反而不利于留存"),
    Why.NOT_WORTH_IT: ("adds less than it costs, or too little", "净增益不足"),
    Why.OVER_BUDGET: ("the budget goes further elsewhere", "预算用于增益更高的客户"),
    Why.SPENT: ("what is left of a limit does not reach", "剩余额度不足"),
    Why.COUNTERS_DOWN: ("limits cannot be checked now", "当前无法核对额度"),
}
