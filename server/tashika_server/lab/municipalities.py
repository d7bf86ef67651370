"""Municipalities that issue: real place names as facts, then as many made-up ones as wanted.

Codes are the five digits of JIS X 0401/0402. Wards of designated cities count as cities of
their own (Act art. 71). Not a register of municipalities: it has one or two of each prefecture.
"""

from dataclasses import dataclass

__all__ = ["Municipality", "municipalities"]


@dataclass(frozen=True, slots=True)
class Municipality:
    """A place of issue; its name is the distribution point of what it issues."""

    code: str
    prefecture: str
    name: str
    written: str
    """Prefecture and municipality in Japanese, as an address begins."""


def municipalities(count: int) -> tuple[Municipality, ...]:
    """Return the first `count`: always the same ones in the same order."""
    made_up = (_simulated(number) for number in range(1, count - len(_REAL) + 1))
    return (*_REAL[:count], *made_up)


def _simulated(number: int) -> Municipality:
    # Prefecture codes end at 47, so that these codes belong to nobody.
    return Municipality(
        code=f"{48 + number // 1000:02}{number % 1000:03}",
        prefecture="Sim-ken",
        name=f"Sim-shi-{number:03}",
        written=f"模擬県模擬{number:03}市",
    )


_REAL = tuple(
    Municipality(*line.split())
    for line in """\
13113 Tokyo-to Shibuya-ku 東京都渋谷区
14104 Kanagawa-ken Yokohama-shi-Naka-ku 神奈川県横浜市中区
26104 Kyoto-fu Kyoto-shi-Nakagyo-ku 京都府京都市中京区
27128 Osaka-fu Osaka-shi-Chuo-ku 大阪府大阪市中央区
01101 Hokkaido Sapporo-shi-Chuo-ku 北海道札幌市中央区
40132 Fukuoka-ken Fukuoka-shi-Hakata-ku 福岡県福岡市博多区
47201 Okinawa-ken Naha-shi 沖縄県那覇市
02201 Aomori-ken Aomori-shi 青森県青森市
03201 Iwate-ken Morioka-shi 岩手県盛岡市
04101 Miyagi-ken Sendai-shi-Aoba-ku 宮城県仙台市青葉区
05201 Akita-ken Akita-shi 秋田県秋田市
06201 Yamagata-ken Yamagata-shi 山形県山形市
07201 Fukushima-ken Fukushima-shi 福島県福島市
07202 Fukushima-ken Aizuwakamatsu-shi 福島県会津若松市
08201 Ibaraki-ken Mito-shi 茨城県水戸市
08220 Ibaraki-ken Tsukuba-shi 茨城県つくば市
09201 Tochigi-ken Utsunomiya-shi 栃木県宇都宮市
10201 Gumma-ken Maebashi-shi 群馬県前橋市
11107 Saitama-ken Saitama-shi-Urawa-ku 埼玉県さいたま市浦和区
12101 Chiba-ken Chiba-shi-Chuo-ku 千葉県千葉市中央区
13104 Tokyo-to Shinjuku-ku 東京都新宿区
13201 Tokyo-to Hachioji-shi 東京都八王子市
14131 Kanagawa-ken Kawasaki-shi-Kawasaki-ku 神奈川県川崎市川崎区
14151 Kanagawa-ken Sagamihara-shi-Midori-ku 神奈川県相模原市緑区
15103 Niigata-ken Niigata-shi-Chuo-ku 新潟県新潟市中央区
16201 Toyama-ken Toyama-shi 富山県富山市
17201 Ishikawa-ken Kanazawa-shi 石川県金沢市
18201 Fukui-ken Fukui-shi 福井県福井市
19201 Yamanashi-ken Kofu-shi 山梨県甲府市
20201 Nagano-ken Nagano-shi 長野県長野市
21201 Gifu-ken Gifu-shi 岐阜県岐阜市
22101 Shizuoka-ken Shizuoka-shi-Aoi-ku 静岡県静岡市葵区
23106 Aichi-ken Nagoya-shi-Naka-ku 愛知県名古屋市中区
24201 Mie-ken Tsu-shi 三重県津市
25201 Shiga-ken Otsu-shi 滋賀県大津市
27141 Osaka-fu Sakai-shi-Sakai-ku 大阪府堺市堺区
28110 Hyogo-ken Kobe-shi-Chuo-ku 兵庫県神戸市中央区
29201 Nara-ken Nara-shi 奈良県奈良市
30201 Wakayama-ken Wakayama-shi 和歌山県和歌山市
31201 Tottori-ken Tottori-shi 鳥取県鳥取市
32201 Shimane-ken Matsue-shi 島根県松江市
33101 Okayama-ken Okayama-shi-Kita-ku 岡山県岡山市北区
34101 Hiroshima-ken Hiroshima-shi-Naka-ku 広島県広島市中区
35203 Yamaguchi-ken Yamaguchi-shi 山口県山口市
36201 Tokushima-ken Tokushima-shi 徳島県徳島市
37201 Kagawa-ken Takamatsu-shi 香川県高松市
38201 Ehime-ken Matsuyama-shi 愛媛県松山市
39201 Kochi-ken Kochi-shi 高知県高知市
40106 Fukuoka-ken Kitakyushu-shi-Kokurakita-ku 福岡県北九州市小倉北区
41201 Saga-ken Saga-shi 佐賀県佐賀市
42201 Nagasaki-ken Nagasaki-shi 長崎県長崎市
43101 Kumamoto-ken Kumamoto-shi-Chuo-ku 熊本県熊本市中央区
44201 Oita-ken Oita-shi 大分県大分市
45201 Miyazaki-ken Miyazaki-shi 宮崎県宮崎市
46201 Kagoshima-ken Kagoshima-shi 鹿児島県鹿児島市
""".splitlines()
)
